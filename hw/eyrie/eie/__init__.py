"""The sparse matrix-vector engine after EIE."""
