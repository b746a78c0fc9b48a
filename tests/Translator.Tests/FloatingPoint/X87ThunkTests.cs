using System.Buffers.Binary;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.FloatingPoint;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.FloatingPoint;

/// <summary>What is particular about putting instructions off and having the Host execute them: scenes that random programs meet seldom.</summary>
public sealed unsafe class X87ThunkTests
{
    private const uint Data = 0x20000;
    private const uint Missing = 0x500000;

    [Fact]
    public void A_fault_in_the_middle_of_a_run_finds_all_before_it_done_and_nothing_behind()
    {
        using Rig rig = Compiled(c =>
        {
            c.fld(__qword_ptr[Data]);
            c.add(eax, 5);
            c.fld1();
            c.faddp(st1, st0);
            c.fst(__qword_ptr[Data + 8]);
            c.fmul(__qword_ptr[Missing]);
            c.fstp(__qword_ptr[Data + 16]);
        });
        PagedRig.TurnOn(rig);
        Put(rig, 0, 2.5);
        Assert.Equal(ExitReason.Fault, rig.Run());
        Assert.Equal((Vectors.PageFault, Missing, 5u), (rig.Cpu->FaultVector, rig.Cpu->FaultAddress, rig.Cpu->Gpr[Reg.Eax]));
        Assert.Equal((3.5, 0.0), (Get(rig, 8), Get(rig, 16)));
        Assert.Equal((7, 0x80, 5), (rig.Cpu->Fpu.Top, (int)rig.Cpu->Fpu.Tags, (int)rig.Machine.Retired));
        Assert.Equal((Data + 8, 0x515), (rig.Cpu->Fpu.DataOffset, (int)rig.Cpu->Fpu.LastOpcode));
    }

    [Fact]
    public void An_integer_load_that_faults_between_them_finds_them_done()
    {
        using Rig rig = Compiled(c =>
        {
            c.fld(__qword_ptr[Data]);
            c.mov(eax, __dword_ptr[Missing]);
            c.fstp(__qword_ptr[Data + 8]);
        });
        PagedRig.TurnOn(rig);
        Put(rig, 0, 2.5);
        Assert.Equal(ExitReason.Fault, rig.Run());
        Assert.Equal((Vectors.PageFault, 7, 0x80), (rig.Cpu->FaultVector, rig.Cpu->Fpu.Top, (int)rig.Cpu->Fpu.Tags));
    }

    [Fact]
    public void Operands_that_overlap_are_stored_and_loaded_in_order()
    {
        using Rig rig = Compiled(c =>
        {
            c.fld(__qword_ptr[Data]);
            c.mov(__dword_ptr[Data + 4], 0x40080000);
            c.fst(__qword_ptr[Data + 8]);
            c.fadd(__qword_ptr[Data]);
            c.fstp(__qword_ptr[Data + 12]);
            c.mov(eax, __dword_ptr[Data + 12]);
            c.fld(__qword_ptr[Data + 8]);
            c.fstp(__qword_ptr[Data + 24]);
        });
        Put(rig, 0, 2.0);
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());

        // 2 was loaded before it became 3, and their sum overwrites half of the copy.
        ulong sum = BitConverter.DoubleToUInt64Bits(5.0);
        Assert.Equal((uint)sum, rig.Cpu->Gpr[Reg.Eax]);
        Assert.Equal(BitConverter.UInt64BitsToDouble(sum << 32), Get(rig, 24));
    }

    [Theory]
    [InlineData(0x037F)]
    [InlineData(0x0C7F)]
    [InlineData(0x007F)]
    public void The_Hosts_unit_is_left_as_it_was(int controlWord)
    {
        using Rig rig = Compiled(static c =>
        {
            c.fld(__qword_ptr[Data]);
            c.fld(__qword_ptr[Data + 8]);
            c.fdivp(st1, st0);
            c.fsqrt();
        });
        Put(rig, 0, 1.0);
        Put(rig, 8, 3.0);
        rig.Cpu->Fpu.ControlWord = (ushort)controlWord;
        ulong before = Environment();
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        Assert.NotEqual(0, rig.Cpu->Fpu.StatusWord & (int)FpuExceptions.Precision);

        // Control word, TOP and tags; flags may stay.
        Assert.Equal(before, Environment());
    }

    [Fact]
    public void What_the_Host_has_raised_before_is_not_the_Guests()
    {
        using Rig rig = Compiled(static c =>
        {
            c.fld(__qword_ptr[Data]);
            c.fdiv(__qword_ptr[Data + 8]);
        });
        Put(rig, 0, 1.0);
        Put(rig, 8, 3.0);
        _ = rig.Run();
        Assert.Equal((int)FpuExceptions.Precision, rig.Cpu->Fpu.StatusWord & 0x3F);
        Put(rig, 8, 2.0);
        Restart(rig);
        _ = rig.Run();
        Assert.Equal(0, rig.Cpu->Fpu.StatusWord & 0x3F);
    }

    [Fact]
    public void An_unmasked_exception_traps_at_the_next_instruction()
    {
        using Rig rig = Compiled(static c =>
        {
            c.fld1();
            c.fdiv(__qword_ptr[Data]);
            c.inc(eax);
            c.fstp(__qword_ptr[Data + 8]);
        });
        rig.Cpu->Fpu.ControlWord &= unchecked((ushort)~FpuExceptions.ZeroDivide);
        Assert.Equal(ExitReason.Fault, rig.Run());
        Assert.Equal((Vectors.FloatingPoint, 1u, 3), (rig.Cpu->FaultVector, rig.Cpu->Gpr[Reg.Eax], (int)rig.Machine.Retired));
    }

    [Fact]
    public void Switched_tasks_trap_at_the_first_instruction()
    {
        using Rig rig = Compiled(static c =>
        {
            c.fld1();
            c.inc(eax);
            c.fstp(__qword_ptr[Data]);
        });
        rig.Cpu->Ts = 1;
        Assert.Equal(ExitReason.Fault, rig.Run());
        Assert.Equal((Vectors.DeviceNotAvailable, 0u), (rig.Cpu->FaultVector, rig.Cpu->Gpr[Reg.Eax]));
    }

    [Fact]
    public void A_loop_whose_code_is_beside_its_data_computes_the_same()
    {
        using Rig rig = Compiled(static c =>
        {
            Label again = c.CreateLabel();
            c.mov(ecx, 100);
            c.fldz();
            c.Label(ref again);
            c.fadd(__qword_ptr[Data]);
            c.fst(__qword_ptr[Rig.Code + 0x800]);
            c.dec(ecx);
            c.jne(again);
        });
        Put(rig, 0, 0.5);
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        Assert.Equal(50.0, BinaryPrimitives.ReadDoubleLittleEndian(rig.Machine.Ram.Window(Rig.Code + 0x800, 8)));
    }

    private static Rig Compiled(Action<Assembler> program)
    {
        var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0));
        var c = new Assembler(32);
        program(c);
        c.int3();
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), Rig.Code);
        rig.Write(Rig.Code, stream.ToArray());
        Restart(rig);
        return rig;
    }

    private static void Restart(Rig rig)
    {
        rig.Begin(Rig.Code);
        rig.Cpu->Fpu.Initialise();
    }

    private static void Put(Rig rig, uint offset, double value) => rig.Write(Data + offset, BitConverter.GetBytes(value));

    private static double Get(Rig rig, uint offset) => BinaryPrimitives.ReadDoubleLittleEndian(rig.Machine.Ram.Window(Data + offset, 8));

    /// <summary>The Host's control word, TOP and tag word.</summary>
    private static ulong Environment()
    {
        if (!X87Host.IsThere)
        {
            return 0;
        }

        var c = new Assembler(64);
        c.sub(rsp, 40);
        c.fnstenv(__[rsp]);
        c.fldenv(__[rsp]);
        c.movzx(eax, __word_ptr[rsp]);
        c.movzx(ecx, __word_ptr[rsp + 4]);
        c.and(ecx, 0x3800);
        c.shl(rcx, 16);
        c.or(rax, rcx);
        c.movzx(ecx, __word_ptr[rsp + 8]);
        c.shl(rcx, 32);
        c.or(rax, rcx);
        c.add(rsp, 40);
        c.ret();
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), 0);
        using ExecutableMemory memory = ExecutableMemory.TryCreate(stream.ToArray())!;
        return ((delegate* unmanaged<ulong>)memory.Address)();
    }
}
