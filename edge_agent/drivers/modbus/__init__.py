"""Modbus over TCP, RTU and RTU over TCP (Modbus Application Protocol V1.1b3); reads only."""
