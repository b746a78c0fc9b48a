using System.Reflection;
using Iced.Intel;
using Lguest.Jit.Translator.Cache;

namespace Lguest.Jit.Translator.Trace;

/// <summary>A region's Host code as text: labels for its own places, names for all others, so that it is the same wherever it was put.</summary>
internal sealed unsafe class MachineCodeListing : ISymbolResolver
{
    private readonly MachineCode _code;
    private readonly HostAddresses _addresses;
    private readonly Dictionary<ulong, int> _labels = [];
    private readonly Dictionary<ulong, string> _constants = [];
    private readonly IntelFormatter _formatter;

    private MachineCodeListing(CompiledRegion region, MachineCode code, IEnumerable<MethodBase> methods)
    {
        _code = code;
        _addresses = new HostAddresses(region, methods);
        _formatter = new IntelFormatter(this);
        _formatter.Options.UppercaseHex = false;
        _formatter.Options.HexPrefix = "0x";
        _formatter.Options.HexSuffix = "";
        _formatter.Options.SpaceAfterOperandSeparator = true;
        _formatter.Options.ShowBranchSize = false;
        _formatter.Options.RipRelativeAddresses = false;
        foreach (ulong target in code.Targets)
        {
            _labels.Add(target, _labels.Count);
        }
    }

    /// <param name="writer">Gets the lines.</param>
    /// <param name="region">Compiled.</param>
    /// <param name="code">Its Host code.</param>
    /// <param name="methods">Methods that its IL calls, for their names.</param>
    public static void Write(TextWriter writer, CompiledRegion region, MachineCode code, IEnumerable<MethodBase> methods) =>
        new MachineCodeListing(region, code, methods).Write(writer);

    /// <inheritdoc/>
    public bool TryGetSymbol(in Instruction instruction, int operand, int instructionOperand, ulong address, int addressSize, out SymbolResult symbol)
    {
        string? name = null;
        if (_labels.TryGetValue(address, out int label))
        {
            name = $"L{label}";
        }
        else if (address == (ulong)_code.Start)
        {
            name = "start";
        }
        else if (instruction.Op0Kind == OpKind.NearBranch64)
        {
            name = _addresses.NameCall((nint)address);
        }
        else if (instruction.IsIPRelativeMemoryOperand)
        {
            name = Constant(address);
        }
        else if (HostAddresses.IsPlausible((long)address))
        {
            // Data as likely as code: not to be followed.
            name = _addresses.Name((long)address);
        }

        symbol = name == null ? default : new SymbolResult(address, name);
        return name != null;
    }

    private static bool IsThroughCell(in Instruction instruction) =>
        instruction.IsIPRelativeMemoryOperand && instruction.FlowControl is (FlowControl.IndirectCall or FlowControl.IndirectBranch);

    private string Constant(ulong address)
    {
        if (!_constants.TryGetValue(address, out string? name))
        {
            _constants.Add(address, name = $"const{_constants.Count}");
        }

        return name;
    }

    private void Write(TextWriter writer)
    {
        foreach (Instruction instruction in _code.Instructions)
        {
            if (_labels.TryGetValue(instruction.IP, out int label))
            {
                writer.WriteLine($"    L{label}:");
            }

            if (IsThroughCell(instruction))
            {
                // Whether RyuJIT calls a method directly or by way of a cell depends on what else has happened in this process.
                string how = instruction.FlowControl == FlowControl.IndirectCall ? "call" : "jmp";
                writer.WriteLine($"      {how} {_addresses.NameCall(*(nint*)instruction.IPRelativeMemoryAddress)}");
                continue;
            }

            var text = new StringOutput();
            _formatter.Format(instruction, text);
            writer.WriteLine($"      {text.ToStringAndReset()}");
        }
    }
}
