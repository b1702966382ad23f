//! The only SQL: journal, ledger, registry, blobs.
