//! Writes and reads the data set as an RDB file.
