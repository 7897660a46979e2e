"""Stories: what happens to simulated devices, with what follows from it. Pure.

An event begins and ends. It changes what flows (and with it the registers: a burst adds its water), what is measured beside
that, what the meter shows of it, or what the radio makes of the readings. The truth of an event is known before anything is
sent: what was consumed, which alarm must follow and until when. It goes into the ledger.
"""
