using System.Runtime.InteropServices;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

/// <summary>A driver that means harm: the device may stop, the Host may not notice.</summary>
public class MalformedQueueTests
{
    private const int Iterations = 100_000;

    [Fact]
    public void Random_rings_and_descriptors_never_throw_and_never_hang()
    {
        using var machine = new ConsoleMachine();
        machine.Sink.Discard = true;
        var driver = new FakeDriver(machine) { QueueSize = 8 };
        var random = new Random(0x1AF4);
        int rounds = FuzzRounds.Count;
        int broken = 0;
        int served = 0;
        driver.Start();
        for (int i = 0; i < rounds; i++)
        {
            if ((machine.Status & VirtioStatus.NeedsReset) != 0)
            {
                broken++;
                driver.Start();
            }

            int queue = random.Next(2);
            Scribble(machine, random, queue);
            ushort before = driver.UsedIndex(queue);
            if (queue == 0)
            {
                machine.Type("some input");
            }

            driver.Notify(queue);
            served += (ushort)(driver.UsedIndex(queue) - before);
        }

        // Both ways out were really taken.
        Assert.InRange(broken, 1000, rounds);
        Assert.InRange(served, 1000, int.MaxValue);
    }

    [Fact]
    public void Random_register_writes_never_throw()
    {
        using var machine = new ConsoleMachine();
        machine.Sink.Discard = true;
        var random = new Random(0x1043);
        int[] sizes = [1, 2, 4];
        byte[] statuses = [0, 1, 3, 0xB, 0xF, 0x80, 0x40];
        int live = 0;
        for (int i = 0; i < Iterations; i++)
        {
            uint offset = (uint)random.Next(0x90);
            int size = sizes[random.Next(3)];
            uint value = random.Next(4) == 0 ? (uint)random.NextInt64() : (uint)random.Next(1 << random.Next(1, 24));
            switch (random.Next(6))
            {
                case 0:
                    // Bring it forward now and then, or nothing interesting is ever reached.
                    new FakeDriver(machine) { QueueSize = 4 }.Start();
                    live++;
                    break;
                case 1:
                    machine.Write(VirtioRegister.DeviceStatus, 1, statuses[random.Next(statuses.Length)]);
                    break;
                case 2:
                    _ = machine.Read(offset, size);
                    break;
                default:
                    machine.Write(offset, size, value);
                    break;
            }
        }

        Assert.InRange(live, 1000, Iterations);
    }

    private static void Scribble(ConsoleMachine machine, Random random, int queue)
    {
        Span<byte> table = machine.Ram.Window(FakeDriver.Descriptors(queue), 8 * 16);
        for (int i = 0; i < 8; i++)
        {
            Span<uint> words = MemoryMarshal.Cast<byte, uint>(table.Slice(16 * i, 16));
            words[0] = random.Next(8) == 0 ? (uint)random.NextInt64() : (uint)random.Next((int)ConsoleMachine.RamSize);
            words[1] = random.Next(16) == 0 ? 1u : 0;
            words[2] = random.Next(8) == 0 ? (uint)random.NextInt64() : (uint)random.Next(64);
            ushort flags = (ushort)(random.Next(16) == 0 ? random.Next(0x10000) : random.Next(4) == 0 ? 1 : 0);
            flags |= (ushort)(queue == 0 && random.Next(8) != 0 ? 2 : 0);
            words[3] = flags | (uint)(random.Next(8) == 0 ? random.Next(0x10000) : random.Next(8)) << 16;
        }

        uint available = FakeDriver.Available(queue);
        ushort index = machine.Word(available + 2);
        machine.Put(available + 2, (ushort)(index + (random.Next(16) == 0 ? random.Next(0x10000) : random.Next(1, 5))));
        for (uint i = 0; i < 8; i++)
        {
            machine.Put(available + 4 + 2 * i, (ushort)(random.Next(16) == 0 ? random.Next(0x10000) : random.Next(8)));
        }
    }
}
