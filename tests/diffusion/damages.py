"""What becomes of a file's bytes on a bad disk."""


def flipped(content: bytes) -> bytes:
    """One bit of the last tensor is another."""
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def emptied(content: bytes) -> bytes:
    return b""


def replaced(content: bytes) -> bytes:
    """As many bytes of something else."""
    return b"\xa5" * len(content)
