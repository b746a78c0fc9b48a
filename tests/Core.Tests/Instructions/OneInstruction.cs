using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

/// <summary>
/// One instruction, lowered and executed without an engine around it, on a machine whose RAM is mapped one to one but for
/// two pages.
/// </summary>
internal sealed unsafe class OneInstruction : IDisposable
{
    /// <summary>Eip of the instruction.</summary>
    public const uint Code = 0x1000;

    /// <summary>Free memory.</summary>
    public const uint Data = 0x10000;

    /// <summary>A page that may only be read.</summary>
    public const uint ReadOnlyPage = 0x20000;

    /// <summary>A page that is not there. The one before it is.</summary>
    public const uint MissingPage = 0x31000;

    private const uint Directory = 0x3000;
    private const uint Table = 0x4000;

    public OneInstruction()
    {
        Machine = new GuestMachine(4 << 20, new NoClock());
        Write32(Directory, Table | 7);
        for (uint page = 0; page < 1024; page++)
        {
            uint address = page << 12;
            Write32(Table + page * 4, address switch { ReadOnlyPage => address | 5, MissingPage => 0, _ => address | 7 });
        }

        Machine.Mmu.SetPageDirectory(Machine.Cpu, Directory, trusted: true);
    }

    public GuestMachine Machine { get; }

    public GuestCpu* Cpu => Machine.Cpu;

    public uint Eax { get => Cpu->Gpr[Reg.Eax]; set => Cpu->Gpr[Reg.Eax] = value; }

    public uint Ecx { get => Cpu->Gpr[Reg.Ecx]; set => Cpu->Gpr[Reg.Ecx] = value; }

    public uint Edx { get => Cpu->Gpr[Reg.Edx]; set => Cpu->Gpr[Reg.Edx] = value; }

    public uint Ebx { get => Cpu->Gpr[Reg.Ebx]; set => Cpu->Gpr[Reg.Ebx] = value; }

    /// <summary>The six status flags.</summary>
    public uint Flags { get => LazyFlags.Materialise(Cpu); set => LazyFlags.Set(Cpu, value); }

    public void Write32(uint address, uint value) => Assert.True(Machine.Ram.TryWrite32(address, value));

    public uint Read32(uint address)
    {
        Assert.True(Machine.Ram.TryRead32(address, out uint value));
        return value;
    }

    /// <summary>Executes; true if it completed, false if it faulted.</summary>
    public bool Run(params byte[] code)
    {
        var decoder = Decoder.Create(32, code, DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD);
        decoder.IP = Code;
        Instruction instruction = decoder.Decode();
        Assert.Equal(code.Length, instruction.Length);
        Lower? lower = LoweringTable.Find(instruction.Mnemonic);
        Assert.NotNull(lower);
        var writer = new OpWriter();
        writer.Begin(Cpu->Mode);
        writer.BeginInstruction(in instruction);
        lower(writer, in instruction);
        writer.Finish();
        Op[] ops = [.. writer.Ops, new Op { Handler = &Stop, Eip = Code + (uint)code.Length }];
        Cpu->Cut = ExitReason.Continue;
        Cpu->Exit = ExitReason.Continue;
        Cpu->Eip = Code;
        fixed (Op* first = ops)
        {
            for (Op* op = first; op != null;)
            {
                op = op->Handler(Cpu, op);
            }
        }

        bool completed = Cpu->Exit == ExitReason.Continue;
        Assert.Equal(completed ? Code + (uint)code.Length : Code, Cpu->Eip);
        return completed;
    }

    /// <summary>Executes an instruction that has to fault, and checks that no register or flag has changed.</summary>
    public void Faults(int vector, params byte[] code)
    {
        uint[] before = State();
        Assert.False(Run(code));
        Assert.Equal(ExitReason.Fault, Cpu->Exit);
        Assert.Equal(vector, Cpu->FaultVector);
        Assert.Equal(before, State());
    }

    public void Dispose() => Machine.Dispose();

    private uint[] State() => [.. new ReadOnlySpan<uint>(Cpu->Gpr, 8), Flags, Cpu->SystemFlags];

    private static Op* Stop(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->Exit = ExitReason.Continue;
        return null;
    }

    private sealed class NoClock : IGuestClock
    {
        public uint TscKhz => 1_000_000;

        public ulong ReadTsc(long retired) => (ulong)retired;

        public long WallClockNanoseconds(long retired) => retired;
    }
}
