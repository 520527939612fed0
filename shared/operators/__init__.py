"""What operators do: see which accounts are in trouble and why, and set things going. They see no mail."""
