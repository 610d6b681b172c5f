//! Cost of kernel calls on a board.
