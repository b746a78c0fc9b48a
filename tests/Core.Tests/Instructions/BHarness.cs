using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

/// <summary>Runs single instructions on a machine without an engine: lowered, then a stop. Paging is on, identity-mapped.</summary>
internal sealed unsafe class BHarness : IDisposable
{
    public const uint Code = 0x1000;
    public const uint PageDirectory = 0x3F0000;
    public const uint PageTable = 0x3F1000;

    /// <summary>The CPU never sees a page here.</summary>
    public const uint Missing = 0x300000;

    /// <summary>Read-only.</summary>
    public const uint ReadOnly = 0x301000;

    public BHarness()
    {
        Machine = new GuestMachine(4 << 20, new StillClock());
        Assert.True(Machine.Ram.TryWrite32(PageDirectory, PageTable | 0x67));
        for (uint page = 0; page < 1024; page++)
        {
            uint flags = page << 12 == Missing ? 0u : page << 12 == ReadOnly ? 0x65u : 0x67u;
            Assert.True(Machine.Ram.TryWrite32(PageTable + page * 4, page << 12 | flags));
        }

        Machine.Mmu.SetPageDirectory(Machine.Cpu, PageDirectory, trusted: true);
        Machine.Cpu->Gdt[14] = 0x00CFFB00_0000FFFF;
        Machine.Cpu->Gdt[15] = 0x00CFF300_0000FFFF;
        Machine.Cpu->Gpr[Reg.Esp] = 0x8000;
    }

    public GuestMachine Machine { get; }

    public GuestCpu* Cpu => Machine.Cpu;

    /// <summary>The rest of the pretended block behind the instruction, in instructions.</summary>
    public int Behind { get; set; }

    public void Dispose() => Machine.Dispose();

    public uint this[int register]
    {
        get => Cpu->Gpr[register];
        set => Cpu->Gpr[register] = value;
    }

    public uint Read(uint address)
    {
        Assert.True(Machine.Ram.TryRead32(address, out uint value));
        return value;
    }

    public void Write(uint address, params uint[] values)
    {
        foreach (uint value in values)
        {
            Assert.True(Machine.Ram.TryWrite32(address, value));
            address += 4;
        }
    }

    /// <summary>
    /// Executes one instruction. <see cref="ExitReason.Continue"/> with eip behind it means that it completed.
    /// <paramref name="budget"/>: what is left after the block head has charged the block.
    /// </summary>
    public ExitReason Run(string hex, long budget = 1000000)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        var decoder = Decoder.Create(32, bytes);
        decoder.IP = Code;
        Instruction instruction = decoder.Decode();
        Assert.Equal(bytes.Length, instruction.Length);
        Lower? lower = LoweringTable.Find(instruction.Mnemonic);
        Assert.NotNull(lower);
        var writer = new OpWriter();
        writer.Begin(Cpu->Mode);
        writer.BeginInstruction(instruction);
        lower(writer, in instruction);
        Op[] ops = new Op[writer.Length + 1];
        writer.Finish();
        writer.Ops.CopyTo(ops);
        ops[writer.Length] = new Op { Handler = &Stop, Eip = Code + (uint)bytes.Length };
        for (int i = 0; i < writer.Length; i++)
        {
            ops[i].Remaining = (ushort)(1 + Behind);
        }

        Cpu->Eip = Code;
        Cpu->Exit = ExitReason.Continue;
        Cpu->Cut = ExitReason.Continue;
        Cpu->BudgetLeft = budget;
        fixed (Op* first = ops)
        {
            Op* op = first;
            while (op != null)
            {
                op = op->Handler(Cpu, op);
            }
        }

        return Cpu->Exit;
    }

    public void Faults(string hex, int vector, uint error = 0)
    {
        uint stackPointer = this[Reg.Esp];
        Assert.Equal(ExitReason.Fault, Run(hex));
        Assert.Equal(vector, Cpu->FaultVector);
        Assert.Equal(error, Cpu->FaultErrorCode);
        Assert.Equal(Code, Cpu->Eip);
        Assert.Equal(stackPointer, this[Reg.Esp]);
    }

    /// <summary>Makes ring 3 the current one.</summary>
    public void EnterUser()
    {
        Cpu->Cpl = 3;
        Segments.SetHidden(Cpu, Seg.Cs, 0x73, Cpu->Gdt[14]);
        Segments.SetHidden(Cpu, Seg.Ss, 0x7B, Cpu->Gdt[15]);
        Segments.SetHidden(Cpu, Seg.Ds, 0x7B, Cpu->Gdt[15]);
        Segments.SetHidden(Cpu, Seg.Es, 0x7B, Cpu->Gdt[15]);
        Segments.UpdateMode(Cpu);
        Machine.Mmu.Activate(Cpu);
    }

    private static Op* Stop(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->Exit = ExitReason.Continue;
        return null;
    }

    private sealed class StillClock : IGuestClock
    {
        public uint TscKhz => 1000000;

        public ulong ReadTsc(long retired) => 0x1_0000_0000UL + (ulong)retired;

        public long WallClockNanoseconds(long retired) => 0;
    }
}
