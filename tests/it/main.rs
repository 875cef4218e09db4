mod chatwoot_stand_in;
