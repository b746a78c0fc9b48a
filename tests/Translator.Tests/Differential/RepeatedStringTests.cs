using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>
/// REP in the middle of a block, with flags that somebody looks at afterwards: most of its kinds leave them alone, and with ECX 0 all leave everything
/// alone but the count of instructions.
/// </summary>
public sealed unsafe class RepeatedStringTests
{
    private const uint Data = 0x101000;

    private static readonly Action<Assembler>[] s_strings =
    [
        static a => a.rep.movsb(), static a => a.rep.movsd(), static a => a.rep.stosb(), static a => a.rep.stosw(), static a => a.rep.stosd(),
        static a => a.rep.lodsd(), static a => a.repe.cmpsb(), static a => a.repne.scasb(),

        // With a 16-bit address it is CX that counts.
        static a => a.db(0x67, 0xF3, 0xA4),
    ];

    public static TheoryData<string> ShapeNames => Shapes.Names;

    [Theory]
    [MemberData(nameof(ShapeNames))]
    public void They_do_what_the_interpreter_does_however_often_and_leave_the_flags_as_it_does(string shape)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, Emit);
        using var interpreted = new Rig(static machine => new InterpreterEngine(machine));
        using var cold = new Rig(machine => new TieredEngine(machine, 0, optimisations: Shapes.Of(shape)));
        using var warm = new Rig(machine => new TieredEngine(machine, 5, optimisations: Shapes.Of(shape), waits: true));
        string[] ends = [.. new[] { interpreted, cold, warm }.Select(rig =>
        {
            rig.Write(Rig.Code, code);
            return rig.State(rig.Run()) + rig.Memory(Data, 0x2000);
        })];
        Assert.Null(((TieredEngine)cold.Engine).Failure);
        Assert.Null(((TieredEngine)warm.Engine).Failure);
        Assert.Equal(ends[0], ends[1]);
        Assert.Equal(ends[0], ends[2]);
        Assert.NotEqual(0u, interpreted.Cpu->Gpr[Reg.Ebx]);
    }

    /// <summary>Short and less short, across the ends of pages, onto themselves, and with a slice or a budget that ends in the middle of one.</summary>
    [Theory]
    [InlineData("as usual", 1_000_000_000)]
    [InlineData("as usual", 997)]
    [InlineData("as usual", 37)]
    [InlineData("calls inlined", 5_003)]
    [InlineData("-chains", 20_011)]
    [InlineData("-pending-budget", 997)]
    public void Wherever_they_read_and_write_and_whenever_the_budget_ends(string shape, long budget)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, EmitPlaces);
        using var interpreted = new Rig(static machine => new InterpreterEngine(machine));
        using var cold = new Rig(machine => new TieredEngine(machine, 0, optimisations: Shapes.Of(shape)));
        using var warm = new Rig(machine => new TieredEngine(machine, 50, optimisations: Shapes.Of(shape), waits: true));
        Rig[] rigs = [interpreted, cold, warm];
        foreach (Rig rig in rigs)
        {
            rig.Write(Rig.Code, code);
            rig.Write(Data, [.. Enumerable.Range(0, 0x5000).Select(static i => (byte)(i * 37 / 5))]);
        }

        ExitReason reason;
        do
        {
            reason = interpreted.Run(budget);
            string state = interpreted.State(reason);
            Assert.Equal(state, cold.State(cold.Run(budget)));
            Assert.Equal(state, warm.State(warm.Run(budget)));
        }
        while (reason == ExitReason.Budget);
        Assert.Equal(ExitReason.SoftwareInterrupt, reason);
        Assert.Equal(interpreted.Memory(Data, 0x5000), cold.Memory(Data, 0x5000));
        Assert.Equal(interpreted.Memory(Data, 0x5000), warm.Memory(Data, 0x5000));
        Assert.Null(((TieredEngine)cold.Engine).Failure);
        Assert.Null(((TieredEngine)warm.Engine).Failure);
    }

    private static void EmitPlaces(CodeBuilder b)
    {
        b.Asm.mov(ebp, 3_000);
        CodeLabel top = b.Here();
        Action<Assembler>[] strings = [static a => a.rep.movsd(), static a => a.rep.movsb(), static a => a.rep.stosd(), static a => a.rep.stosb()];
        for (int k = 0; k < 8; k++)
        {
            // From somewhere near the end of a page to somewhere near the end of the next one, or to a few bytes before or behind.
            b.Asm.imul(ecx, ebp, 7 + k);
            b.Asm.and(ecx, 63);
            b.Asm.imul(esi, ebp, 13 + (2 * k));
            b.Asm.and(esi, 0x7F);
            b.Asm.add(esi, (int)Data + 0xF60);
            b.Asm.imul(edi, ebp, 5 + k);
            b.Asm.and(edi, 0x7F);
            b.Asm.lea(edi, __[esi + edi + (k < 4 ? 0x2000 : -0x40)]);
            b.Asm.add(__dword_ptr[esi], ebp);
            b.Asm.add(__dword_ptr[esi + 5], eax);
            b.Asm.add(__dword_ptr[esi + 18], ebp);
            b.Asm.cmp(ebp, 1_500);
            strings[k % strings.Length](b.Asm);
            b.Asm.adc(eax, edi);
            b.Asm.xor(eax, esi);
        }

        b.Asm.dec(ebp);
        b.Asm.jnz(top.Value);
        b.Asm.int3();
    }

    private static void Emit(CodeBuilder b)
    {
        b.Asm.mov(ebp, 120);
        CodeLabel top = b.Here();
        foreach (Action<Assembler> emit in s_strings)
        {
            for (int variant = 0; variant < 3; variant++)
            {
                CodeLabel skip = b.NewLabel();
                CodeLabel end = b.NewLabel();

                // Counts 0 to 3, forwards or backwards.
                b.Asm.mov(ecx, ebp);
                b.Asm.and(ecx, 3);
                b.Asm.mov(esi, (int)Data + 0x400);
                b.Asm.lea(edi, __[esi + ebp * 4]);
                b.Asm.test(ebp, 8);
                b.Asm.cld();
                b.Asm.jz(skip.Value);
                b.Asm.std();
                b.Mark(skip);
                switch (variant)
                {
                    case 0:
                        b.Asm.cmp(ebp, 60);
                        break;
                    case 1:
                        b.Asm.add(eax, ebp);
                        break;
                    default:
                        b.Asm.dec(ecx);
                        b.Asm.and(ecx, 3);
                        b.Asm.stc();
                        break;
                }

                emit(b.Asm);
                b.Asm.adc(ebx, ecx);
                b.Asm.cmp(ebx, edi);
                emit(b.Asm);
                b.Asm.jbe(end.Value);
                b.Asm.add(ebx, esi);
                b.Mark(end);
                b.Asm.xor(ebx, edi);
            }
        }

        b.Asm.cld();
        b.Asm.add(__dword_ptr[Data + 0x400], ebx);
        b.Asm.dec(ebp);
        b.Asm.jnz(top.Value);
        b.Asm.int3();
    }
}
