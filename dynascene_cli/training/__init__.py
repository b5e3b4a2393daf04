"""The paper's training: tasks that turn a clip into what the network is shown, and the loop.

torch is imported only by entering this room.
"""
