//! CRC-64/Jones as RDB files carry it: reflected, no initial value, no final inversion.

/// The Jones polynomial, bits reversed.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

/// Bytes folded at once; the tables of twice as many would no longer fit the first-level cache.
const STRIDE: usize = 16;

/// `TABLES[n][b]` is the contribution of byte `b` followed by `n` zero bytes.
static TABLES: [[u64; 256]; STRIDE] = tables();

/// Carries `crc` on over `bytes`; a fresh sum starts from zero.
#[must_use]
pub fn crc64(mut crc: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<STRIDE>();
    for word in words {
        crc = fold(u128::from(crc) ^ u128::from_le_bytes(*word));
    }
    for &byte in rest {
        crc = TABLES[0][usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    }
    crc
}

#[inline]
fn fold(word: u128) -> u64 {
    let mut sum = 0;
    for (place, byte) in word.to_le_bytes().into_iter().enumerate() {
        sum ^= TABLES[STRIDE - 1 - place][usize::from(byte)];
    }
    sum
}

#[expect(clippy::large_stack_arrays, reason = "it is evaluated at compile time")]
const fn tables() -> [[u64; 256]; STRIDE] {
    let mut tables = [[0; 256]; STRIDE];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut place = 1;
    while place < STRIDE {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[place - 1][byte];
            tables[place][byte] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            byte += 1;
        }
        place += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit_by_bit(bytes: &[u8]) -> u64 {
        let mut crc = 0;
        for &byte in bytes {
            crc ^= u64::from(byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            }
        }
        crc
    }

    #[test]
    fn the_published_check_value_comes_out() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
    }

    #[test]
    fn every_length_and_every_split_agree_with_the_definition() {
        let bytes: Vec<u8> = (0..97u32).map(|n| (n * 151 + 7) as u8).collect();
        for end in 0..=bytes.len() {
            let whole = bit_by_bit(&bytes[..end]);
            assert_eq!(crc64(0, &bytes[..end]), whole);
            let split = end / 3;
            assert_eq!(crc64(crc64(0, &bytes[..split]), &bytes[split..end]), whole);
        }
    }
}
