using System.Globalization;
using Iced.Intel;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Trace;

/// <summary>Guest code as text, Intel's way, with names for the places that it mentions. Not for two threads at once.</summary>
internal sealed class GuestDisassembly : ISymbolResolver
{
    private readonly Func<uint, string> _name;
    private readonly IntelFormatter _formatter;
    private readonly StringOutput _output = new();

    /// <param name="name">"symbol+0x12" for an address, or "".</param>
    public GuestDisassembly(Func<uint, string> name)
    {
        _name = name;
        _formatter = new IntelFormatter(this);
        _formatter.Options.UppercaseHex = false;
        _formatter.Options.HexPrefix = "0x";
        _formatter.Options.HexSuffix = "";
        _formatter.Options.BranchLeadingZeros = false;
        _formatter.Options.SpaceAfterOperandSeparator = true;
        _formatter.Options.ShowBranchSize = false;
    }

    /// <summary>"c1000123 (symbol+0x3)".</summary>
    public string Place(uint address)
    {
        string name = _name(address);
        return name.Length == 0 ? Hex(address) : $"{Hex(address)} ({name})";
    }

    public string Format(in Instruction instruction)
    {
        if (instruction.IsInvalid)
        {
            return "(bad)";
        }

        _formatter.Format(instruction, _output);
        return _output.ToStringAndReset();
    }

    /// <summary>The instructions of a planned block.</summary>
    public static IEnumerable<Instruction> Decode(PlannedBlock block)
    {
        var decoder = Decoder.Create(32, new ByteArrayCodeReader(block.Code), block.Eip, DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD);
        for (int i = 0; i < block.Count; i++)
        {
            decoder.Decode(out Instruction instruction);
            yield return instruction;
        }
    }

    public static string Hex(uint value) => value.ToString("x8", CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public bool TryGetSymbol(in Instruction instruction, int operand, int instructionOperand, ulong address, int addressSize, out SymbolResult symbol)
    {
        string name = address <= uint.MaxValue ? _name((uint)address) : "";
        symbol = name.Length == 0 ? default : new SymbolResult(address, name);
        return name.Length != 0;
    }
}
