using System.Buffers.Binary;

namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>
/// Turns outcomes into planes of bytes that compress well: one plane for each byte of each register and of EFLAGS over
/// all vectors, one for each window byte over the vectors of each encoding (whose operand stays in place). A plane is
/// dropped where nothing changed, else it holds the value or the difference to the input, whichever is duller.
/// </summary>
internal static class OutcomePacker
{
    private const byte Unchanged = 0;
    private const byte Difference = 1;
    private const byte Value = 2;

    private const int Words = 9;

    public static byte[] Pack(SiliconForm form, SiliconOutcome[] outcomes)
    {
        SiliconState[] inputs = Inputs(form, form.Encodings());
        using var stream = new MemoryStream();
        PackEnds(stream, outcomes);
        for (int word = 0; word < Words; word++)
        {
            for (int shift = 0; shift < 32; shift += 8)
            {
                PackPlane(stream, 0, outcomes.Length, i => (byte)(Word(inputs[i], word) >> shift), i => (byte)(Word(outcomes[i], word) >> shift));
            }
        }

        for (int variant = 0; variant < form.Variants; variant++)
        {
            (int first, int end) = Range(form, variant);
            byte[] changed = new byte[SiliconLayout.WindowSize / 8];
            for (int at = 0; at < SiliconLayout.WindowSize; at++)
            {
                for (int i = first; i < end; i++)
                {
                    if (inputs[i].Window[at] != outcomes[i].Window[at])
                    {
                        changed[at >> 3] |= (byte)(1 << (at & 7));
                        break;
                    }
                }
            }

            stream.Write(changed);
            for (int at = 0; at < SiliconLayout.WindowSize; at++)
            {
                if ((changed[at >> 3] & (1 << (at & 7))) != 0)
                {
                    PackPlane(stream, first, end, i => inputs[i].Window[at], i => outcomes[i].Window[at]);
                }
            }
        }

        return stream.ToArray();
    }

    public static SiliconOutcome[] Unpack(SiliconForm form, SiliconState[] inputs, ReadOnlySpan<byte> payload)
    {
        var outcomes = new SiliconOutcome[form.Count];
        for (int i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = new SiliconOutcome();
            outcomes[i].CopyFrom(inputs[i]);
        }

        int position = UnpackEnds(payload, outcomes);
        for (int word = 0; word < Words; word++)
        {
            for (int shift = 0; shift < 32; shift += 8)
            {
                byte kind = payload[position++];
                if (kind == Unchanged)
                {
                    continue;
                }

                for (int i = 0; i < outcomes.Length; i++)
                {
                    uint kept = kind == Value ? Word(outcomes[i], word) & ~(0xFFu << shift) : Word(outcomes[i], word);
                    SetWord(outcomes[i], word, kept ^ ((uint)payload[position++] << shift));
                }
            }
        }

        for (int variant = 0; variant < form.Variants; variant++)
        {
            (int first, int end) = Range(form, variant);
            ReadOnlySpan<byte> changed = payload.Slice(position, SiliconLayout.WindowSize / 8);
            position += changed.Length;
            for (int at = 0; at < SiliconLayout.WindowSize; at++)
            {
                if ((changed[at >> 3] & (1 << (at & 7))) == 0)
                {
                    continue;
                }

                bool difference = payload[position++] == Difference;
                for (int i = first; i < end; i++)
                {
                    outcomes[i].Window[at] = (byte)(payload[position++] ^ (difference ? outcomes[i].Window[at] : 0));
                }
            }
        }

        return position == payload.Length ? outcomes : throw new InvalidDataException($"The record of '{form.Name}' has loose ends.");
    }

    /// <summary>Draws the inputs of all vectors of a form.</summary>
    public static SiliconState[] Inputs(SiliconForm form, SiliconEncoding[] encodings)
    {
        var inputs = new SiliconState[form.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = new SiliconState();
            form.Draw(inputs[i], encodings[form.VariantOf(i)], i);
        }

        return inputs;
    }

    private static (int First, int End) Range(SiliconForm form, int variant)
    {
        // The vectors v with v × variants / count = variant, rounded down.
        int first = (int)((((long)variant * form.Count) + form.Variants - 1) / form.Variants);
        int end = (int)((((long)(variant + 1) * form.Count) + form.Variants - 1) / form.Variants);
        return (first, end);
    }

    private static uint Word(SiliconState state, int word) => word < 8 ? state.Gpr[word] : state.Eflags;

    private static void SetWord(SiliconState state, int word, uint value)
    {
        if (word < 8)
        {
            state.Gpr[word] = value;
        }
        else
        {
            state.Eflags = value;
        }
    }

    private static void PackPlane(MemoryStream stream, int first, int end, Func<int, byte> input, Func<int, byte> output)
    {
        byte[] values = new byte[end - first];
        byte[] differences = new byte[end - first];
        for (int i = first; i < end; i++)
        {
            values[i - first] = output(i);
            differences[i - first] = (byte)(output(i) ^ input(i));
        }

        if (differences.AsSpan().IndexOfAnyExcept((byte)0) < 0)
        {
            stream.WriteByte(Unchanged);
            return;
        }

        bool asValue = Entropy(values) < Entropy(differences);
        stream.WriteByte(asValue ? Value : Difference);
        stream.Write(asValue ? values : differences);
    }

    /// <summary>Bits that an ideal order-0 coder would need.</summary>
    private static double Entropy(byte[] bytes)
    {
        double bits = 0;
        foreach (IGrouping<byte, byte> group in bytes.GroupBy(static b => b))
        {
            int count = group.Count();
            bits -= count * Math.Log2((double)count / bytes.Length);
        }

        return bits;
    }

    /// <summary>A table of the distinct ends (vector, error code, place), and a number into it for each vector.</summary>
    private static void PackEnds(MemoryStream stream, SiliconOutcome[] outcomes)
    {
        var table = new List<(int, uint, int)>();
        byte[] numbers = new byte[outcomes.Length * 2];
        for (int i = 0; i < outcomes.Length; i++)
        {
            (int, uint, int) end = (outcomes[i].Vector, outcomes[i].Error, outcomes[i].Stop);
            int number = table.IndexOf(end);
            if (number < 0)
            {
                number = table.Count;
                table.Add(end);
            }

            // Low bytes in one plane, high bytes in another.
            numbers[i] = (byte)number;
            numbers[outcomes.Length + i] = (byte)(number >> 8);
        }

        Span<byte> entry = stackalloc byte[12];
        BinaryPrimitives.WriteInt32LittleEndian(entry, table.Count);
        stream.Write(entry[..4]);
        foreach ((int vector, uint error, int stop) in table)
        {
            BinaryPrimitives.WriteInt32LittleEndian(entry, vector);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], error);
            BinaryPrimitives.WriteInt32LittleEndian(entry[8..], stop);
            stream.Write(entry);
        }

        stream.Write(numbers);
    }

    private static int UnpackEnds(ReadOnlySpan<byte> payload, SiliconOutcome[] outcomes)
    {
        int entries = BinaryPrimitives.ReadInt32LittleEndian(payload);
        ReadOnlySpan<byte> numbers = payload[(4 + (entries * 12))..];
        for (int i = 0; i < outcomes.Length; i++)
        {
            ReadOnlySpan<byte> entry = payload[(4 + ((numbers[i] | (numbers[outcomes.Length + i] << 8)) * 12))..];
            outcomes[i].Vector = BinaryPrimitives.ReadInt32LittleEndian(entry);
            outcomes[i].Error = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
            outcomes[i].Stop = BinaryPrimitives.ReadInt32LittleEndian(entry[8..]);
        }

        return 4 + (entries * 12) + (outcomes.Length * 2);
    }
}
