//! Turns bytes into frames and back; knows no command and no key.
