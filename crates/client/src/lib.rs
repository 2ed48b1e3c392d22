//! The lastword client: connect, hello, send, receive, goodbye.
