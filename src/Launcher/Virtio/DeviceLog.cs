namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// Complaints about drivers, for whoever writes one. A hostile Guest can break the rules a million times a second, so
/// only the first few are worth anyone's disk.
/// </summary>
internal sealed class DeviceLog(TextWriter writer)
{
    private const int Limit = 8;

    private int _written;

    public void Complain(string device, string reason)
    {
        if (_written < Limit)
        {
            _written++;
            writer.WriteLine($"lguest-jit: {device}: the Guest's driver broke the rules and needs a reset: {reason}");
            if (_written == Limit)
            {
                writer.WriteLine($"lguest-jit: {device}: no further complaints are shown");
            }
        }
    }
}
