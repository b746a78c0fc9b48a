using System.Globalization;
using Iced.Intel;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>Guest code around an address, as the tools of Linux write it, with names for the places it mentions.</summary>
internal sealed class CodeListing : ISymbolResolver
{
    private const int MaximumInstruction = 15;
    private const int LinesBefore = 6;
    private const int LinesAfter = 8;

    /// <summary>How far back to look for a start from which the instructions fall into step with eip.</summary>
    private const int BytesBefore = 48;

    private readonly GuestView _view;
    private readonly SymbolTable _symbols;
    private readonly int _bits;
    private readonly GasFormatter _formatter;

    /// <param name="view">Where the code is read.</param>
    /// <param name="symbols">Names, may be empty.</param>
    /// <param name="bits">32, or 16 in a segment without D.</param>
    public CodeListing(GuestView view, SymbolTable symbols, int bits)
    {
        _view = view;
        _symbols = symbols;
        _bits = bits;
        _formatter = new GasFormatter(this);
        _formatter.Options.UppercaseHex = false;
        _formatter.Options.BranchLeadingZeros = false;
    }

    /// <summary>Writes some instructions before <paramref name="eip"/>, the one there, and some after it.</summary>
    /// <param name="writer">Gets the lines.</param>
    /// <param name="codeBase">Base of the code segment.</param>
    /// <param name="eip">Offset of the marked instruction.</param>
    public void Write(TextWriter writer, uint codeBase, uint eip)
    {
        List<Instruction> before = Before(codeBase, eip);
        foreach (Instruction instruction in before.Skip(Math.Max(0, before.Count - LinesBefore)))
        {
            WriteLine(writer, codeBase, instruction, marked: false);
        }

        uint at = eip;
        for (int i = 0; i < LinesAfter; i++)
        {
            Instruction instruction = Decode(codeBase, at);
            if (instruction.Length == 0)
            {
                if (i == 0)
                {
                    writer.WriteLine($"  => {at:x8}: (not readable)");
                }

                return;
            }

            WriteLine(writer, codeBase, instruction, marked: i == 0);
            at += (uint)instruction.Length;
        }
    }

    /// <inheritdoc/>
    public bool TryGetSymbol(
        in Instruction instruction, int operand, int instructionOperand, ulong address, int addressSize, out SymbolResult symbol)
    {
        string name = _symbols.Describe((uint)address);
        symbol = name.Length == 0 ? default : new SymbolResult(address, name);
        return name.Length != 0;
    }

    /// <summary>
    /// x86 cannot be read backwards. Try starts further and further forward: the first sequence of valid instructions
    /// that ends exactly at eip is most likely what the compiler meant.
    /// </summary>
    private List<Instruction> Before(uint codeBase, uint eip)
    {
        var instructions = new List<Instruction>();
        for (uint distance = (uint)Math.Min(BytesBefore, eip); distance > 0; distance--)
        {
            instructions.Clear();
            uint at = eip - distance;
            while (at < eip)
            {
                Instruction instruction = Decode(codeBase, at);
                if (instruction.Length == 0 || instruction.IsInvalid)
                {
                    break;
                }

                instructions.Add(instruction);
                at += (uint)instruction.Length;
            }

            if (at == eip)
            {
                return instructions;
            }
        }

        return [];
    }

    /// <summary>An instruction of length 0 where nothing can be read; an invalid one has its length all the same.</summary>
    private Instruction Decode(uint codeBase, uint at)
    {
        byte[] bytes = new byte[MaximumInstruction];
        int length = _view.Read(codeBase + at, bytes);
        if (length == 0)
        {
            return default;
        }

        var decoder = Decoder.Create(_bits, new ByteArrayCodeReader(bytes, 0, length), at, DecoderOptions.None);
        decoder.Decode(out Instruction instruction);
        return instruction;
    }

    private void WriteLine(TextWriter writer, uint codeBase, in Instruction instruction, bool marked)
    {
        byte[] bytes = new byte[instruction.Length];
        _view.Read(codeBase + instruction.IP32, bytes);
        string hex = string.Join(' ', bytes.Select(static b => b.ToString("x2", CultureInfo.InvariantCulture)));
        var text = new StringOutput();
        if (instruction.IsInvalid)
        {
            text.Write("(bad)", FormatterTextKind.Text);
        }
        else
        {
            _formatter.Format(instruction, text);
        }

        writer.WriteLine($"  {(marked ? "=>" : "  ")} {instruction.IP32:x8}: {hex,-30} {text.ToStringAndReset()}".TrimEnd());
    }
}
