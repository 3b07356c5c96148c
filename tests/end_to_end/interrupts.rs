//! Ctrl-C, and sending again what is complete.
