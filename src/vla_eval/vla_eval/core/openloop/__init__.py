"""A bag's sensors through observer and policy, and what the chunks are worth against the bag."""
