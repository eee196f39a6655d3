//! Image cash letters: X9.37-2003 (level 03) and X9.100-187 (levels 30, 35), read in every physical layout found in the
//! field and written as a bank's profile wants it.

pub mod records;
