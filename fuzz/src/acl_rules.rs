//! Any lines are rules or errors; what a user is shown by makes the same user again.

use backlogd::command::acl::{NewChannels, User, Users, read_file, write_file};

/// What holds for any bytes, each line of which is a rule, and then a line of a file.
pub fn check(bytes: &[u8]) {
    let mut user = User::new(1, b"u", NewChannels::None);
    for rule in bytes.split(|byte| *byte == b'\n') {
        let before = user.line();
        if user.follow(rule, NewChannels::None).is_err() {
            assert_eq!(user.line(), before, "a rule that is refused changes nothing");
        }
    }
    assert!(user.line().starts_with(b"user u o"));
    // What is told of users with selectors is not always read as it was meant, as with stock: a pattern
    // may end as a selector does, or have a quote in it.
    if !bytes.contains(&b'(') {
        assert_kept(&[user]);
    }
    if let Ok(users) = read_file(bytes, "users.acl", &Users::default())
        && !bytes.contains(&b'(')
    {
        assert_kept(&users);
    }
}

fn assert_kept(users: &[User]) {
    let text = write_file(users.iter());
    let again = read_file(&text, "users.acl", &Users::default());
    let again = again.unwrap_or_else(|faults| panic!("{faults}: {}", text.escape_ascii()));
    assert_eq!(write_file(again.iter()), text);
}
