using Iced.Intel;

namespace Lguest.Jit.Translator.Trace;

/// <summary>
/// The Host code of one compiled method, found by following it: .NET tells nobody how long a method is, so its end is the end
/// of the last instruction that can be reached.
/// </summary>
/// <remarks>
/// Reads the process' own code at the address of a method that exists. Decoding stays inside of what control flow can reach, so
/// it does not run off the end. Only x64 Hosts have it; see <see cref="IsSupported"/>.
/// </remarks>
internal sealed unsafe class MachineCode
{
    /// <summary>More than any region comes to; a bound for code that we fail to understand.</summary>
    private const int MaximumBytes = 4 << 20;

    private const int MaximumInstruction = 15;
    private const int MaximumStubs = 4;
    private const int MaximumTable = 4096;

    /// <summary>Instructions before an indirect jump among which its table is looked for.</summary>
    private const int TableDistance = 12;

    private readonly SortedDictionary<ulong, Instruction> _instructions = [];

    private readonly SortedSet<ulong> _targets = [];

    private MachineCode(nint start) => Start = start;

    /// <summary>Can Host code be read here?</summary>
    public static bool IsSupported => System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64;

    /// <summary>Address of the first instruction, behind all stubs.</summary>
    public nint Start { get; }

    /// <summary>Bytes from there to the end of the last instruction.</summary>
    public int Length { get; private set; }

    /// <summary>Reachable instructions by address.</summary>
    public IReadOnlyCollection<Instruction> Instructions => _instructions.Values;

    /// <summary>Where branches lead, inside.</summary>
    public IReadOnlyCollection<ulong> Targets => _targets;

    /// <summary>Follows the method that begins at <paramref name="functionPointer"/>.</summary>
    public static MachineCode Find(nint functionPointer)
    {
        var code = new MachineCode(Stubs(functionPointer)[^1]);
        code.Follow();
        return code;
    }

    /// <summary>A function pointer may be that of a stub that only jumps on: it, and all that it leads to, the code itself last.</summary>
    public static IReadOnlyList<nint> Stubs(nint address)
    {
        var stubs = new List<nint> { address };
        while (IsSupported && stubs.Count <= MaximumStubs)
        {
            Instruction instruction = Decode((ulong)address);
            if (instruction.FlowControl == FlowControl.UnconditionalBranch && instruction.Op0Kind == OpKind.NearBranch64)
            {
                address = (nint)instruction.NearBranch64;
            }
            else if (instruction.FlowControl == FlowControl.IndirectBranch && instruction.IsIPRelativeMemoryOperand)
            {
                address = *(nint*)instruction.IPRelativeMemoryAddress;
            }
            else
            {
                break;
            }

            stubs.Add(address);
        }

        return stubs;
    }

    private static Instruction Decode(ulong address)
    {
        var reader = new NativeReader((byte*)address);
        var decoder = Decoder.Create(64, reader, address);
        decoder.Decode(out Instruction instruction);
        return instruction;
    }

    private void Follow()
    {
        ulong end = (ulong)Start + MaximumBytes;
        var work = new Stack<ulong>();
        work.Push((ulong)Start);
        while (work.TryPop(out ulong at))
        {
            if (at != (ulong)Start && at >= (ulong)Start && at < end)
            {
                _targets.Add(at);
            }

            var trail = new List<Instruction>();
            while (at >= (ulong)Start && at < end && !_instructions.ContainsKey(at))
            {
                Instruction instruction = Decode(at);
                if (instruction.IsInvalid)
                {
                    break;
                }

                _instructions.Add(at, instruction);
                trail.Add(instruction);
                at += (ulong)instruction.Length;
                Length = Math.Max(Length, (int)(at - (ulong)Start));
                if (instruction.Op0Kind == OpKind.NearBranch64 && instruction.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch)
                {
                    work.Push(instruction.NearBranch64);
                }
                else if (instruction.FlowControl == FlowControl.IndirectBranch)
                {
                    FollowTable(trail, work);
                }

                if (instruction.FlowControl is FlowControl.UnconditionalBranch or FlowControl.IndirectBranch or FlowControl.Return or FlowControl.Interrupt
                    or FlowControl.Exception)
                {
                    break;
                }
            }
        }
    }

    /// <summary>
    /// A switch, as RyuJIT writes it: <c>cmp index, n−1; ja; …; lea t, [table]; mov t, [t + 4 × index]; lea b, [method]; add t, b; jmp t</c>. Any
    /// other indirect jump is a tail call.
    /// </summary>
    private static void FollowTable(List<Instruction> trail, Stack<ulong> work)
    {
        int count = 0;
        var leas = new List<ulong>();
        Instruction compare = default;
        foreach (Instruction i in trail.Skip(Math.Max(0, trail.Count - TableDistance)))
        {
            if (i.Mnemonic == Mnemonic.Ja && compare.Mnemonic == Mnemonic.Cmp && compare.Op1Kind is >= OpKind.Immediate8 and <= OpKind.Immediate32to64)
            {
                count = (int)Math.Min(compare.GetImmediate(1) + 1, MaximumTable);
            }
            else if (i.Mnemonic == Mnemonic.Lea && i.IsIPRelativeMemoryOperand)
            {
                leas.Add(i.IPRelativeMemoryAddress);
            }

            compare = i;
        }

        if (leas.Count < 2 || trail[^1].Op0Kind != OpKind.Register)
        {
            return;
        }

        var table = (int*)leas[^2];
        for (int i = 0; i < count; i++)
        {
            work.Push(leas[^1] + (ulong)table[i]);
        }
    }

    /// <summary>Bytes of this process, one instruction's worth.</summary>
    private sealed class NativeReader(byte* at) : CodeReader
    {
        private int _position;

        public override int ReadByte() => _position < MaximumInstruction ? at[_position++] : -1;
    }
}
