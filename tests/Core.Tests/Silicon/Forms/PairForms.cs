using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>
/// A writer of flags and a reader of them in one block: what engines fuse, defer and get wrong, and single instructions
/// cannot show. They count as vectors, not as operand forms.
/// </summary>
internal static class PairForms
{
    public static readonly string[] Writers =
        ["ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "TEST", "INC", "DEC", "NEG", "SHL 1", "SHR 1", "SAR 1", "ROL 1", "RCR 1", "XADD", "CMPXCHG", "BT"];

    public static void Add(FormSet set)
    {
        foreach (string writer in Writers)
        {
            foreach (int size in writer == "BT" ? Sizes.Wide : Sizes.All)
            {
                int w = size * 8;
                bool shifts = writer.EndsWith(" 1", StringComparison.Ordinal);
                Both(set, $"{writer} r{w} + Jcc", size, writer,
                    static e => e.Op((byte)(0x70 | (e.Variant & 15))).Relative(1, SiliconEncoder.RandomTarget(e.Random))).Counted(320, 32);
                Both(set, $"{writer} r{w} + SETcc", size, writer,
                    static e => e.Op(0x0F, (byte)(0x90 | (e.Variant & 15))).Registers(0, e.Random.Below(8))).Counted(160, 32);
                Both(set, $"{writer} r{w} + CMOVcc", size, writer,
                    static e => e.Op(0x0F, (byte)(0x40 | (e.Variant & 15))).Registers(e.Random.Below(8), e.Random.Below(8)))
                    .Counted(160, 32);
                Both(set, $"{writer} r{w} + carry reader", size, writer, e => CarryReader(e, shifts)).Counted(160, 20);
                Both(set, $"{writer} r{w} + INC/DEC + Jcc", size, writer, static e =>
                    e.Op((byte)(0x40 + e.Random.Below(16)), (byte)(0x70 | (e.Variant & 15))).Relative(1, SiliconEncoder.RandomTarget(e.Random))).Counted(160, 32);
            }
        }
    }

    private static SiliconForm Both(FormSet set, string name, int size, string writer, Action<SiliconEncoder> reader) =>
        set.Add(name, size, e =>
        {
            Write(e, writer);
            Between(e);
            reader(e);
        }).ShiftsBy(CountSource.One).AsSequence();

    /// <summary>The encoding of one of <see cref="Writers"/> at the size of the form.</summary>
    public static void Write(SiliconEncoder e, string writer)
    {
        int row = Array.IndexOf(AluForms.Names, writer);
        int size = e.Size;
        if (row >= 0)
        {
            switch (e.Random.Below(3))
            {
                case 0:
                    e.Sized(row << 3).Registers(e.Any(), e.Any());
                    break;
                case 1:
                    e.Sized(0x80).Registers(row, e.Any()).Immediate(size);
                    break;
                default:
                    e.Sized((row << 3) | 2).Memory(e.Any());
                    break;
            }

            return;
        }

        (int opcode, int extension) = writer switch
        {
            "INC" => (0xFE, 0),
            "DEC" => (0xFE, 1),
            "NEG" => (0xF6, 3),
            "SHL 1" => (0xD0, 4),
            "SHR 1" => (0xD0, 5),
            "SAR 1" => (0xD0, 7),
            "ROL 1" => (0xD0, 0),
            "RCR 1" => (0xD0, 3),
            "TEST" => (0x84, e.Any()),
            _ => (0, e.Any()),
        };
        if (opcode == 0)
        {
            byte second = writer switch { "XADD" => 0xC0, "CMPXCHG" => 0xB0, _ => 0xA2 };
            e.Prefix16().Op(0x0F, (byte)(size == 1 ? second : second | 1)).Registers(extension, e.Any());
            return;
        }

        e.Sized(opcode).Registers(extension, e.Any());
    }

    /// <summary>Half of the time something stands between the two that has nothing to do with flags.</summary>
    private static void Between(SiliconEncoder e)
    {
        switch (e.Random.Below(8))
        {
            case 0:
                e.Op(0x89).Registers(e.Random.Below(8), e.Random.Below(8));
                break;
            case 1:
                e.Op(0x8D, 0x44, 0x8B, 0x10);
                break;
            case 2:
                e.Op(0xF7).Registers(2, e.Random.Below(8));
                break;
            case 3:
                e.Op(0x0F, 0xB6).Registers(e.Random.Below(8), e.Random.Below(8));
                break;
            default:
                break;
        }
    }

    private static void CarryReader(SiliconEncoder e, bool afterShift)
    {
        int a = e.Random.Below(8);
        int b = e.Random.Below(8);
        switch (e.Variant % 10)
        {
            case 0:
                e.Op(0x11).Registers(a, b);
                break;
            case 1:
                e.Op(0x19).Registers(a, b);
                break;
            case 2:
                e.Op(0xD1).Registers(2, b);
                break;
            case 3:
                e.Op(0xD1).Registers(3, b);
                break;
            case 4:
                e.Op(0xF5);
                break;
            case 5:
                // LAHF would carry the undefined AF of a shift into a register.
                e.Op((byte)(afterShift ? 0xF5 : 0x9F));
                break;
            case 6:
                e.Op(0x14).Immediate(1);
                break;
            case 7:
                e.Op(0xD6);
                break;
            case 8:
                e.Op(0x10).Registers(a, b);
                break;
            default:
                e.Op(0x66, 0x19).Registers(a, b);
                break;
        }
    }
}
