"""Classic BPF on a UDP socket: what a viewer need not read is dropped by the kernel before it is queued.

The program sees the datagram from the UDP header on, so the payload's first byte is at 8 (linux/filter.h, udp(7)).
"""

from __future__ import annotations

import ctypes
import socket
from struct import Struct

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; the socket module has no name for it
_SO_DETACH_FILTER = 27
_LOAD_BYTE, _JUMP_IF_AT_LEAST, _RETURN = 0x30, 0x35, 0x06  # LD|B|ABS, JMP|JGE|K, RET|K
_ALL = 0xFFFFFFFF
_instruction = Struct("=HBBI")  # code, jump if true, jump if false, operand

Program = tuple[tuple[int, int, int, int], ...]

NOTHING: Program = ((_RETURN, 0, 0, 0),)

# RFC 7983: 128 to 191 is RTP or RTCP; RFC 5761 section 4: the second byte of RTCP is 192 to 223.
NO_RTP: Program = (
    (_LOAD_BYTE, 0, 0, 8),
    (_JUMP_IF_AT_LEAST, 0, 5, 128),
    (_JUMP_IF_AT_LEAST, 4, 0, 192),
    (_LOAD_BYTE, 0, 0, 9),
    (_JUMP_IF_AT_LEAST, 0, 1, 192),
    (_JUMP_IF_AT_LEAST, 0, 1, 224),
    (_RETURN, 0, 0, 0),
    (_RETURN, 0, 0, _ALL),
)


class _Filter(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def attach(receiver: socket.socket, program: Program) -> None:
    """Let only what `program` accepts into the socket's queue. Raises `OSError` when the kernel refuses it."""
    code = b"".join(_instruction.pack(*each) for each in program)
    memory = ctypes.create_string_buffer(code, len(code))
    receiver.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(_Filter(len(program), ctypes.addressof(memory))))


def detach(receiver: socket.socket) -> None:
    """Let everything in again."""
    receiver.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
