//! `kill -9`, again and again, at seeded moments: nobody is lost, every second copy is announced by name, and the books
//! add up after each kill.
