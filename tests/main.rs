//! Tests of the whole: replay, cli, live, layering.
