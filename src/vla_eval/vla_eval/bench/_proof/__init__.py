"""Parts of the long proof: chunks and events that attack, a plant, and an oracle that watches."""
