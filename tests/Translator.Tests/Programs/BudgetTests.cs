using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Tests.Silicon;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Programs;

/// <summary>A limit of instructions stops both engines after the same one, in the same state, wherever that is.</summary>
public sealed unsafe class BudgetTests
{
    private const uint Source = 0x20000;
    private const uint Target = 0x24000;

    [Theory]
    [InlineData("sha256")]
    [InlineData("recursion")]
    [InlineData("bytecode")]
    [InlineData("memory-rep")]
    public void Max_instructions_ends_both_engines_in_the_same_state(string name)
    {
        GuestProgram program = GuestPrograms.Named(name);
        var random = new Random(name.Length);
        for (int i = 0; i < 12; i++)
        {
            // Short ones end in the set-up, long ones well inside of regions.
            long limit = random.Next(1, i < 4 ? 3000 : 400_000);
            string expected = End(program, limit, static machine => new InterpreterEngine(machine));
            Assert.Equal(expected, End(program, limit, static machine => new TieredEngine(machine, threshold: 10)));
            if (i % 4 == 0)
            {
                Assert.Equal(expected, End(program, limit, static machine => new TieredEngine(machine, threshold: 0)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes.Names), MemberType = typeof(Shapes))]
    public void String_instructions_in_a_hot_loop_can_be_left_after_any_iteration(string shape)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            Assembler c = b.Asm;
            CodeLabel top = b.Here();
            c.mov(esi, Source);
            c.mov(edi, Target);
            c.lea(ecx, __[edx + 7]);
            c.and(ecx, 31);
            c.rep.movsb();
            c.adc(eax, edi);

            // Blocks without a safepoint behind the string instructions: these may have used up what was left for them.
            CodeLabel odd = b.NewLabel();
            CodeLabel small = b.NewLabel();
            c.test(edx, 1);
            c.jnz(odd.Value);
            c.add(eax, edx);
            c.xor(ebx, eax);
            b.Mark(odd);
            c.mov(ecx, 9);
            c.rep.stosd();
            c.mov(esi, Source);
            c.mov(edi, Target);
            c.mov(ecx, 40);
            c.repe.cmpsb();
            c.sbb(ebx, ecx);
            c.cmp(cl, 20);
            c.jb(small.Value);
            c.add(eax, ecx);
            c.add(eax, esi);
            b.Mark(small);
            c.mov(edi, Source);
            c.mov(ecx, 300);
            c.repne.scasb();
            c.rcl(ebx, 1);
            c.lodsw();
            c.inc(edx);
            c.jmp(top.Value);
        });
        byte[] data = new byte[0x1000];
        new Random(7).NextBytes(data);
        using var interpreter = new Rig(static machine => new InterpreterEngine(machine));
        using var cold = new Rig(machine => new TieredEngine(machine, threshold: 0, optimisations: Shapes.Of(shape)));
        using var warm = new Rig(machine => new TieredEngine(machine, threshold: 20, optimisations: Shapes.Of(shape)));
        foreach (Rig rig in (Rig[])[interpreter, cold, warm])
        {
            rig.Write(Rig.Code, code);
            rig.Write(Source, data);
        }

        var random = new Random(shape.Length);
        for (int slice = 0; slice < 1500; slice++)
        {
            long budget = slice % 9 == 0 ? random.Next(1, 4000) : random.Next(1, 40);
            string expected = Slice(interpreter);
            Assert.Equal(expected, Slice(cold));
            Assert.Equal(expected, Slice(warm));

            string Slice(Rig rig)
            {
                long before = rig.Machine.Retired;
                ExitReason reason = rig.Run(budget);
                Assert.Equal((ExitReason.Budget, budget), (reason, rig.Machine.Retired - before));
                return rig.State(reason) + rig.Memory(Target, 0x1000);
            }
        }
    }

    private static string End(GuestProgram program, long limit, Func<GuestMachine, IExecutionEngine> engine)
    {
        GuestImage image = new LguestHarness().Build(program, 1, paging: true);
        using var machine = new GuestMachine(ProgramLayout.MemorySize, new StoppedClock());
        Assert.True(machine.Ram.TryWrite(image.LoadAddress, image.Bytes));
        using IExecutionEngine executes = engine(machine);
        using var guest = new LguestGuest(machine, executes, new HarnessPorts(), new GuestOptions { MaxInstructions = limit });
        guest.Start(image.Entry);
        GuestEnd end = guest.Run();
        GuestCpu* cpu = machine.Cpu;
        string registers = string.Join(' ', Enumerable.Range(0, 8).Select(i => $"{cpu->Gpr[i]:x8}"));

        // What INIT writes of the time of day is not the engines' to agree on.
        machine.Ram.Window(ProgramLayout.LguestData, 0x1000).Clear();
        byte[] memory = System.Security.Cryptography.SHA256.HashData(machine.Ram.Window(0, ProgramLayout.MemorySize));
        return $"{end.Kind} {machine.Retired} {cpu->Eip:x} {LazyFlags.Read(cpu):x} {registers} {Convert.ToHexString(memory)}";
    }
}
