using System.Text;

namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>Changes the drawn inputs of one vector to make it worth its time. Pointers to the memory operand are set after it.</summary>
internal delegate void Shaper(SiliconState state, SiliconEncoding encoding, SiliconRandom random);

/// <summary>Where a shift takes its count from; the undefined flags depend on it.</summary>
internal enum CountSource
{
    None,
    One,
    Immediate,
    Cl,
}

/// <summary>
/// A mnemonic with an operand form, how to encode it, and how to feed it. Everything random about it derives from its
/// name, so forms can come, go and move between groups without touching the records of others.
/// </summary>
internal sealed class SiliconForm
{
    private UndefinedFlags.Rule[]? _undefined;

    /// <summary>Such as <c>ADD r/m32, r32 [mem]</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Operand size in bytes: 1, 2 or 4.</summary>
    public required int Size { get; init; }

    public required Action<SiliconEncoder> Encode { get; init; }

    public Shaper? Shape { get; private set; }

    /// <summary>How many vectors are recorded.</summary>
    public int Count { get; private set; } = 720;

    /// <summary>Distinct encodings they are spread over, in runs of equal length.</summary>
    public int Variants { get; private set; } = 8;

    public CountSource ShiftCount { get; private set; }

    public SiliconLayout Layout { get; private set; } = SiliconLayout.High;

    /// <summary>Two or three instructions in a row: no operand form of its own, so it does not count as one.</summary>
    public bool IsSequence { get; private set; }

    /// <summary>Flags that are not compared whatever the mnemonic's own rules say; for sequences.</summary>
    public uint Ignored { get; private set; }

    /// <summary>The name up to the operands, without prefixes.</summary>
    public string Mnemonic => OperandForm.Split(' ')[0];

    /// <summary>
    /// Mnemonic and operands, memory or register told apart, but neither prefixes nor remarks: what counts as one
    /// (mnemonic, operand form) pair however many ways of encoding it there are.
    /// </summary>
    public string OperandForm
    {
        get
        {
            IEnumerable<string> words = Name.Split('[')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .SkipWhile(static word => word is "LOCK" or "REP" or "REPE" or "REPNE" or "O16" or "A16");
            string place = Name.Contains("[mem", StringComparison.Ordinal) || Name.StartsWith("LOCK", StringComparison.Ordinal) ? " [mem]" : "";
            return string.Join(' ', words) + (Name.Contains("[reg", StringComparison.Ordinal) ? " [reg]" : place);
        }
    }

    public ulong Seed => SiliconRandom.Hash(Encoding.ASCII.GetBytes(Name));

    public SiliconForm Shaped(Shaper shape)
    {
        Shape = shape;
        return this;
    }

    public SiliconForm Counted(int vectors, int variants = 8)
    {
        Count = vectors;
        Variants = variants;
        return this;
    }

    public SiliconForm ShiftsBy(CountSource source)
    {
        ShiftCount = source;
        return this;
    }

    public SiliconForm InLowMemory()
    {
        Layout = SiliconLayout.Low;
        return this;
    }

    public SiliconForm AsSequence()
    {
        IsSequence = true;
        return this;
    }

    public SiliconForm Ignoring(uint flags)
    {
        Ignored = flags;
        return this;
    }

    public SiliconEncoding[] Encodings()
    {
        // Slots surround the boundary between the two code pages; which one straddles it depends on the form.
        var encodings = new SiliconEncoding[Variants];
        int total = Variants * SiliconLayout.SlotStride;
        int least = Math.Max(0, total - SiliconLayout.PageSize);
        int most = Math.Min(total, SiliconLayout.PageSize);
        uint first = Layout.CodePages + SiliconLayout.PageSize - (uint)(least + (int)(Seed % (ulong)(most - least + 1)));
        for (int i = 0; i < Variants; i++)
        {
            var encoder = new SiliconEncoder(this, i, first + (uint)(i * SiliconLayout.SlotStride));
            Encode(encoder);
            encodings[i] = encoder.Finish();
        }

        return encodings;
    }

    /// <summary>Which encoding vector <paramref name="vector"/> uses.</summary>
    public int VariantOf(int vector) => (int)((long)vector * Variants / Count);

    /// <summary>Draws the inputs of one vector.</summary>
    public void Draw(SiliconState state, SiliconEncoding encoding, int vector)
    {
        var random = new SiliconRandom(Seed + ((ulong)(vector + 1) << 20));
        state.Eflags = Flag.Always | (random.Next() & (Flag.Status | Flag.Direction));
        random.Fill(state.Window);
        uint[] gpr = state.Gpr;
        for (int i = 0; i < 8; i++)
        {
            gpr[i] = i > 0 && random.OneIn(8)
                ? gpr[random.Below(i)] + (uint)random.Below(3) - 1
                : Size switch
                {
                    1 => random.Operand(1) | (random.Operand(1) << 8) | (random.Next() << 16),
                    2 => random.Operand(2) | (random.Next() << 16),
                    _ => random.Operand(4),
                };
        }

        if (encoding.StackOffset >= 0)
        {
            gpr[4] = encoding.Window + (uint)encoding.StackOffset;
        }

        if (encoding.Memory is not null)
        {
            uint value = random.OneIn(6) ? gpr[random.Below(8)] + (uint)random.Below(3) - 1 : random.Operand(Size);
            state.Store(encoding.MemoryOffset, Size, value);
        }

        Shape?.Invoke(state, encoding, random);
        encoding.Memory?.Point(state);
    }

    /// <summary>Flags that this vector leaves undefined, and that are not compared.</summary>
    public uint Undefined(SiliconState input, SiliconEncoding encoding)
    {
        _undefined ??= UndefinedFlags.For(Mnemonic);
        if (_undefined.Length == 0)
        {
            return Ignored;
        }

        int count = ShiftCount switch
        {
            CountSource.One => 1,
            CountSource.Immediate => (int)(encoding.Immediate & 31),
            CountSource.Cl => (int)(input.Gpr[1] & 31),
            _ => 0,
        };
        uint mask = Ignored;
        foreach (UndefinedFlags.Rule rule in _undefined)
        {
            mask |= rule.When(count, Size * 8) ? rule.Flags : 0;
        }

        return mask;
    }

    /// <summary>
    /// A digest of encodings and inputs: a record whose digest differs was made from other inputs and is worthless.
    /// </summary>
    public ulong Digest()
    {
        SiliconEncoding[] encodings = Encodings();
        ulong digest = Seed;
        foreach (SiliconEncoding encoding in encodings)
        {
            digest = SiliconRandom.Hash(encoding.Slot, digest);
        }

        var state = new SiliconState();
        for (int i = 0; i < Count; i += 41)
        {
            Draw(state, encodings[VariantOf(i)], i);
            digest = SiliconRandom.Hash(System.Runtime.InteropServices.MemoryMarshal.AsBytes(state.Gpr.AsSpan()), digest);
            digest = SiliconRandom.Hash(state.Window, digest + state.Eflags);
        }

        return digest;
    }
}
