//! Strict reading of a reply.
