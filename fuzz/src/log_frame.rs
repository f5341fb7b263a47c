//! Arbitrary bytes as a header and the frames after it: what decodes encodes to the same meaning.

use backlogd::log::format::{FRAME_BYTES, FirstPage, Frame, read_first_page};

use super::checksums::{HEADER_BYTES, frame_fields, repair_header};

/// Holds for any bytes, and for the same bytes with their checksums put right.
pub fn check(data: &[u8]) {
    let _ = read_first_page(data);
    let mut page = data.to_vec();
    repair_header(&mut page);
    let FirstPage::Used { header, .. } = read_first_page(&page) else { return };
    assert_eq!(
        read_first_page(&header.encode()),
        FirstPage::Used { header: header.clone(), copies: 2 }
    );
    for (slot, bytes) in (0..).zip(data[HEADER_BYTES..].chunks_exact(FRAME_BYTES)) {
        let fields = frame_fields(bytes.try_into().expect("the chunks are exact"));
        for bytes in [bytes, &fields.encode(header.salt, slot)] {
            let Some(frame) = Frame::decode(bytes, &header, slot) else { continue };
            assert_eq!(frame, fields);
            assert_eq!(frame.encode(header.salt, slot), bytes);
            assert!(frame.start() <= frame.end);
            assert!(frame.durable_claim().is_none_or(|durable| durable <= frame.end));
        }
    }
}
