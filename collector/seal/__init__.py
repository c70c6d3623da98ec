"""The state of the electronic seal (封条状态) of each mine and position: from the alarm book's lives and the orders."""
