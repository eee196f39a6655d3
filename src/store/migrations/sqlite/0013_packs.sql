-- The images of a pack, when it is written again without some of them; the meter readings of a day and later.
create index blobs_pack on blobs (site, pack);
create index meter_readings_date on meter_readings (site, date);
