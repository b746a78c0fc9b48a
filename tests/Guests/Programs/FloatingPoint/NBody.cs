using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>Five bodies under gravity, a hundred steps an iteration: multiplications, additions, a square root and a division for each pair.</summary>
internal abstract class NBody<T> : FloatProgram<T>
    where T : struct, IReal<T>
{
    protected const int Bodies = 5;

    /// <summary>Position, velocity, mass.</summary>
    protected const int BodyDoubles = 7;
    protected const int BodyBytes = BodyDoubles * 8;
    protected const double Step = 1.0 / 128;

    private const int Steps = 100;
    private const uint State = ProgramLayout.Data;

    private static readonly double[] s_start =
    [
        0, 0, 0, 0, 0, 0, 40,
        4.75, -1.25, -0.0625, 0.625, 2.75, -0.03125, 0.0375,
        8.25, 4.125, -0.40625, -1.015625, 1.8125, 0.0078125, 0.01125,
        12.875, -15.125, -0.21875, 1.078125, 0.875, -0.01171875, 0.0018,
        15.375, -25.875, 0.1796875, 0.96875, 0.59375, -0.03515625, 0.00215,
    ];

    public override long InstructionsPerIteration => IsX87 ? 62_500 : 55_000;

    protected override string Task => "n-body";

    public override uint Checksum(int iterations)
    {
        double[] b = [.. s_start];
        for (int step = 0; step < Steps * iterations; step++)
        {
            Advance(b);
        }

        return Checksum(b);
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        uint start = Doubles(b, s_start);
        EmitCopy(c, start, State, s_start.Length);
        c.sub(esp, 40);
        c.mov(__dword_ptr[esp + 32], iterations);
        EmitBegin(b);
        CodeLabel iteration = b.Here();
        c.mov(__dword_ptr[esp + 36], Steps);
        CodeLabel step = b.Here();
        c.mov(ecx, State);
        c.mov(ebx, State + Bodies * BodyBytes);
        EmitStep(b);
        c.dec(__dword_ptr[esp + 36]);
        c.jne(step);
        c.dec(__dword_ptr[esp + 32]);
        c.jne(iteration);
        c.add(esp, 40);
        EmitChecksum(b, State, s_start.Length);
        c.ret();
    }

    /// <summary>Before the first step; [esp] to [esp + 31] are free to use.</summary>
    protected abstract void EmitBegin(ProgramBuilder b);

    /// <summary>One step: ecx is the first body, ebx the end of all.</summary>
    protected abstract void EmitStep(ProgramBuilder b);

    private static void Advance(double[] b)
    {
        var dt = T.Of(Step);
        for (int i = 0; i < b.Length; i += BodyDoubles)
        {
            for (int j = i + BodyDoubles; j < b.Length; j += BodyDoubles)
            {
                T dx = T.Of(b[i]) - T.Of(b[j]);
                T dy = T.Of(b[i + 1]) - T.Of(b[j + 1]);
                T dz = T.Of(b[i + 2]) - T.Of(b[j + 2]);
                T square = dx * dx + dy * dy + dz * dz;
                T magnitude = dt / (square * T.Root(square));
                T mj = T.Of(b[j + 6]) * magnitude;
                T mi = T.Of(b[i + 6]) * magnitude;
                T[] distance = [dx, dy, dz];
                for (int k = 0; k < 3; k++)
                {
                    b[i + 3 + k] = (T.Of(b[i + 3 + k]) - distance[k] * mj).Stored;
                    b[j + 3 + k] = (T.Of(b[j + 3 + k]) + distance[k] * mi).Stored;
                }
            }
        }

        for (int i = 0; i < b.Length; i += BodyDoubles)
        {
            for (int k = 0; k < 3; k++)
            {
                b[i + k] = (T.Of(b[i + k]) + dt * T.Of(b[i + 3 + k])).Stored;
            }
        }
    }
}
