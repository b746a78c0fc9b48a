using Iced.Intel;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// Iced's assembler, with absolute addresses of labels. A 32-bit kernel is full of them (gates, jump tables, expected
/// return addresses), and Iced knows them only once everything is encoded: so the code is emitted twice, the second
/// time with the addresses found by the first.
/// </summary>
internal sealed class CodeBuilder
{
    /// <summary>What an address is taken for before it is known: never short enough for a sign-extended 8-bit form.</summary>
    private const uint Unknown = 0x7FFF0000;

    private readonly Dictionary<ulong, uint> _addresses;
    private readonly List<CodeLabel> _marked = [];

    private CodeBuilder(uint origin, Dictionary<ulong, uint> addresses)
    {
        Origin = origin;
        _addresses = addresses;
    }

    /// <summary>The assembler to emit with.</summary>
    public Assembler Asm { get; } = new(32);

    /// <summary>Virtual address of the first byte.</summary>
    public uint Origin { get; }

    /// <summary>Emits and encodes code for virtual address <paramref name="origin"/>.</summary>
    /// <param name="origin">Where the first byte will stand when it runs.</param>
    /// <param name="emit">Called twice; has to emit the same instructions each time, but for the addresses in them.</param>
    /// <exception cref="InvalidOperationException">The two passes differ in more than addresses.</exception>
    public static byte[] Assemble(uint origin, Action<CodeBuilder> emit)
    {
        var first = new CodeBuilder(origin, []);
        emit(first);
        byte[] draft = first.Encode(out Dictionary<ulong, uint> addresses);
        var second = new CodeBuilder(origin, addresses);
        emit(second);
        byte[] code = second.Encode(out Dictionary<ulong, uint> final);
        if (draft.Length != code.Length || !addresses.OrderBy(static p => p.Key).SequenceEqual(final.OrderBy(static p => p.Key)))
        {
            throw new InvalidOperationException("The two assembly passes disagree about where a label stands.");
        }

        return code;
    }

    public CodeLabel NewLabel() => new(Asm.CreateLabel());

    /// <summary>The label stands here, before the next instruction.</summary>
    public void Mark(CodeLabel label)
    {
        Asm.Label(ref label.Value);
        _marked.Add(label);
    }

    /// <summary>A new label that stands here.</summary>
    public CodeLabel Here()
    {
        CodeLabel label = NewLabel();
        Mark(label);
        return label;
    }

    /// <summary>The virtual address of a label; a placeholder in the first pass.</summary>
    public uint AddressOf(CodeLabel label) => _addresses.GetValueOrDefault(label.Value.Id, Unknown);

    /// <summary>Puts text into the instruction stream, zero-terminated.</summary>
    public void Text(string text)
    {
        foreach (char character in text)
        {
            Asm.db((byte)character);
        }

        Asm.db(0);
    }

    private byte[] Encode(out Dictionary<ulong, uint> addresses)
    {
        using var stream = new MemoryStream();
        AssemblerResult result = Asm.Assemble(new StreamCodeWriter(stream), Origin, BlockEncoderOptions.ReturnNewInstructionOffsets);
        addresses = _marked.ToDictionary(static l => l.Value.Id, l => (uint)result.GetLabelRIP(l.Value));
        return stream.ToArray();
    }
}
