mod twilio_stand_in;
