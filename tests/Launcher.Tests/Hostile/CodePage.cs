namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>Pages of machine code that nobody ever wrote.</summary>
internal static class CodePage
{
    private static readonly byte[] s_prefixes = [0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65];

    /// <summary>Opcodes that move the ground: segments, far transfers, interrupts, flags, frames, strings, ports.</summary>
    private static readonly byte[] s_system =
    [
        0x06, 0x07, 0x0E, 0x16, 0x17, 0x1E, 0x1F, 0x60, 0x61, 0x62, 0x63, 0x6C, 0x6E, 0x8C, 0x8E, 0x8F, 0x9A, 0x9C, 0x9D,
        0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAE, 0xC2, 0xC3, 0xC4, 0xC5, 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF,
        0xE0, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xEB, 0xEC, 0xED, 0xEE, 0xEF, 0xF1, 0xF4, 0xF6, 0xF7, 0xFA,
        0xFB, 0xFC, 0xFD, 0xFE, 0xFF,
    ];

    /// <summary>Opcodes that store, or read and store; with a wild ModRM they hit tables and code as well as data.</summary>
    private static readonly byte[] s_stores =
        [0x00, 0x01, 0x08, 0x09, 0x10, 0x11, 0x18, 0x19, 0x20, 0x21, 0x28, 0x29, 0x30, 0x31, 0x80, 0x81, 0x83, 0x86, 0x87, 0x88, 0x89, 0xA2, 0xA3, 0xC6, 0xC7, 0xD0, 0xD1, 0xD3];

    /// <summary>Fills <paramref name="page"/>, in one of several tempers.</summary>
    public static void Fill(Span<byte> page, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                random.NextBytes(page);
                break;
            case 1:
                OneInstruction(page, random);
                break;
            default:
                Soup(page, random);
                break;
        }
    }

    /// <summary>Prefixes, opcode, ModRM and operands, each from what is likely to be decoded as such.</summary>
    private static void Soup(Span<byte> page, Random random)
    {
        Span<byte> instruction = stackalloc byte[24];
        int temper = random.Next(4);
        for (int at = 0; at < page.Length;)
        {
            int length = Instruction(instruction, random, temper);
            length = Math.Min(length, page.Length - at);
            instruction[..length].CopyTo(page[at..]);
            at += length;
        }
    }

    /// <summary>The same bytes over and over: it runs in circles, or right to the end of the page.</summary>
    private static void OneInstruction(Span<byte> page, Random random)
    {
        Span<byte> instruction = stackalloc byte[24];
        int length = Instruction(instruction, random, random.Next(4));
        for (int at = 0; at < page.Length; at++)
        {
            page[at] = instruction[at % length];
        }
    }

    private static int Instruction(Span<byte> bytes, Random random, int temper)
    {
        random.NextBytes(bytes);
        int at = 0;
        while (random.Next(5) == 0 && at < 14)
        {
            bytes[at++] = s_prefixes[random.Next(s_prefixes.Length)];
        }

        at = Opcode(bytes, at, random, temper);
        if (random.Next(2) == 0)
        {
            // ModRM with a displacement of 32 bits and a place for it to point to; the base register adds its own.
            bytes[at] = (byte)((bytes[at] & 0x38) | (random.Next(3) == 0 ? 5 : 0x80 | random.Next(8)));
            at += (bytes[at] & 7) == 4 ? 2 : 1;
            _ = BitConverter.TryWriteBytes(bytes[at..], HostileWords.Word(random));
            at += 4;
        }
        else
        {
            at += random.Next(1, 3);
        }

        return at + random.Next(5) switch
        {
            0 => 1,
            1 => 4,
            _ => 0,
        };
    }

    private static int Opcode(Span<byte> bytes, int at, Random random, int temper)
    {
        switch (temper)
        {
            case 0:
                bytes[at++] = s_system[random.Next(s_system.Length)];
                break;
            case 1 when random.Next(2) == 0:
                bytes[at++] = s_stores[random.Next(s_stores.Length)];
                break;
            case 2:
                // x87, or the second map.
                bytes[at++] = random.Next(2) == 0 ? (byte)0x0F : (byte)random.Next(0xD8, 0xE0);
                at += bytes[at - 1] == 0x0F ? 1 : 0;
                break;
            default:
                at++;
                break;
        }

        return at;
    }
}
