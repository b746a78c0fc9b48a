using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

public class VirtioRngTests
{
    private const uint Buffer = 0x100000;

    [Fact]
    public void A_buffer_goes_back_full()
    {
        using DeviceRig rig = Rig(new HostEntropy());
        rig.Start();
        rig.Offer(0, (Buffer, 64, true), (Buffer + 0x2000, 5000, true));
        rig.Notify(0);
        Assert.Equal([(0u, 5064u)], rig.TakeUsed(0));
        Assert.Equal([2], rig.Interrupts.Raised);

        // 5064 bytes of which each value should come about 20 times; none at all would be a wonder.
        Assert.Equal(256, rig.Bytes(Buffer, 64).Concat(rig.Bytes(Buffer + 0x2000, 5000)).Distinct().Count());
        Assert.Equal(0, rig.Bytes(Buffer + 64, 1)[0]);
    }

    [Fact]
    public void A_driver_that_asks_for_everything_gets_a_portion()
    {
        using DeviceRig rig = Rig(new SeededEntropy(1));
        rig.Start();
        rig.Offer(0, [.. Enumerable.Repeat((Buffer, 4u << 20, true), 250)]);
        rig.Notify(0);
        Assert.Equal([(0u, (uint)VirtioRng.MostAtOnce)], rig.TakeUsed(0));
    }

    [Fact]
    public void A_seed_says_all_that_comes_and_a_snapshot_where_it_goes_on()
    {
        var source = new SeededEntropy(42);
        byte[] begin = Take(source, 1001);
        var archive = new StateArchive();
        archive.BeginSave();
        source.ExchangeState(archive);
        byte[] rest = Take(source, 100);
        archive.BeginLoad();
        source.ExchangeState(archive);
        Assert.Equal(rest, Take(source, 100));
        Assert.Equal(begin, Take(new SeededEntropy(42), 1001));
        Assert.NotEqual(begin, Take(new SeededEntropy(43), 1001));
    }

    [Fact]
    public void The_generator_is_the_one_it_says()
    {
        // The authors' C with the state that SplitMix64 makes of 0: its first two numbers.
        byte[] numbers = Take(new SeededEntropy(0), 16);
        Assert.Equal(0x99EC5F36CB75F2B4UL, BitConverter.ToUInt64(numbers));
        Assert.Equal(0xBF6E1F784956452AUL, BitConverter.ToUInt64(numbers, 8));
    }

    [Fact]
    public void A_buffer_to_read_breaks_the_device()
    {
        using DeviceRig rig = Rig(new HostEntropy());
        rig.Start();
        rig.Offer(0, (Buffer, 64, false));
        rig.Notify(0);
        Assert.NotEqual(0u, (uint)(rig.Status & VirtioStatus.NeedsReset));
    }

    private static DeviceRig Rig(IEntropySource source) => new((ram, log) => new VirtioRng(ram, log, source), queues: 1);

    private static byte[] Take(SeededEntropy source, int length)
    {
        byte[] bytes = new byte[length];
        source.Fill(bytes);
        return bytes;
    }
}
