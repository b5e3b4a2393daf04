"""How good what the network makes is: measures, baselines, and the tables made of both."""
