//! Those who propose: codemod, local, replay, external.
