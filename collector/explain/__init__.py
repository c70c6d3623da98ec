"""The whole way of one value, from the register to the platform's answer: what an auditor asks for."""
