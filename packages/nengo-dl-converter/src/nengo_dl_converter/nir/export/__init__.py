"""From Nengo networks to NIR; no other room needs to look in here."""
