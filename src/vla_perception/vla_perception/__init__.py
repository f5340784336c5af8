"""From sensor streams to observations: pictures, frames and states of one moment."""
