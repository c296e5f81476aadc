"""DATA: collect, decide, transform, encode, ring, uplink, ack. One file per stage; data_path.py joins them."""
