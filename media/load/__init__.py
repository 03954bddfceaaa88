"""Load clients: real ICE, DTLS and SRTP, by the thousand in one thread.

A client here costs so little because it does not decode, and because most viewers have RTP dropped in the kernel by a
filter on their socket: for the worker they are as real as any other. Nothing in here knows how descriptions travel;
whoever uses it hands them over (the benchmark on a worker's control link, a load test over the signaling).
"""
