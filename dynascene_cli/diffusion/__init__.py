"""The paper's diffusion network as a renderer: what it is, and the files that it comes from.

torch, diffusers and transformers are imported only by entering this room.
"""
