//! What holds of every shortlist, over millions of random cases.
