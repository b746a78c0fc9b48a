using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>RCL and RCR by as much as the operand and the carry are wide: nothing moves, and still OF is written. Iced's tables say that no flag is.</summary>
public sealed unsafe class FullRotationTests
{
    [Theory]
    [InlineData(0x4321)]
    [InlineData(0xC321)]
    [InlineData(0x8321)]
    public void The_overflow_flag_is_written(int value)
    {
        string Run(Rig rig)
        {
            var c = new Assembler(32);
            c.mov(eax, value);
            c.mov(ebx, value << 8);
            foreach (bool overflow in new[] { false, true })
            {
                c.mov(ecx, overflow ? 0x7FFFFFFF : 0);
                c.add(ecx, 1);
                c.rcl(ax, 17);
                c.pushfd();
                c.add(ecx, 0);
                c.mov(ecx, overflow ? 0x7FFFFFFF : 0);
                c.add(ecx, 1);
                c.rcr(bh, 9);
                c.pushfd();
            }

            c.pop(ecx);
            c.pop(edx);
            c.pop(esi);
            c.pop(edi);
            c.int3();
            using var stream = new MemoryStream();
            c.Assemble(new StreamCodeWriter(stream), Rig.Code);
            rig.Write(Rig.Code, stream.ToArray());
            rig.Begin(Rig.Code);
            return rig.State(rig.Run());
        }

        using var interpreter = new Rig(static machine => new InterpreterEngine(machine));
        using var translator = new Rig(static machine => new TieredEngine(machine, 0));
        Assert.Equal(Run(interpreter), Run(translator));
    }
}
